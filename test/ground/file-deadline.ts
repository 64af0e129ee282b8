// Loaded into the process of each test file: one that has not ended after 15 minutes fails, with its name.
// The test runner's own deadline is for single tests; it would wait for ever for a handle that was left open.
const MINUTES = 15;

if (process.env["NODE_TEST_CONTEXT"] !== undefined) {
  const deadline = setTimeout(() => {
    console.error(`'${process.argv[1]}' has not ended after ${MINUTES} minutes`);
    process.exit(1);
  }, MINUTES * 60_000);
  deadline.unref();
}
