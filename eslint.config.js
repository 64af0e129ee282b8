import tseslint from "typescript-eslint";

/** Few rules, each of which has caught a real mistake in a program like this one. Layout is prettier's, types are tsc's. */
const everywhere = {
  // A promise nobody waits for is a failure nobody hears of.
  "@typescript-eslint/no-floating-promises": [
    "error",
    // node:test keeps account of these itself.
    { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["describe", "it", "suite", "test"] }] },
  ],
  "@typescript-eslint/no-misused-promises": "error",
  "@typescript-eslint/await-thenable": "error",
  // Inside try, `return promise` would leave before it fails.
  "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
  // What is thrown has a stack and a cause. `signal.reason` is typed any, and is always an Error here.
  "@typescript-eslint/only-throw-error": ["error", { allowThrowingAny: true, allowThrowingUnknown: true }],
  "@typescript-eslint/prefer-promise-reject-errors": ["error", { allowThrowingAny: true, allowThrowingUnknown: true }],
  "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
  "@typescript-eslint/no-explicit-any": "error",
  "@typescript-eslint/no-unnecessary-type-assertion": "error",
  // `using _lock = …` holds something to the end of its block without ever naming it again.
  "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
  "@typescript-eslint/require-array-sort-compare": ["error", { ignoreStringArrays: true }],
  // An empty catch needs a comment that says who else tells.
  "no-empty": "error",
  "no-unsafe-finally": "error",
  eqeqeq: "error",
  "prefer-const": "error",
  "no-var": "error",
};

const inSources = {
  // One name for a thing in the whole program.
  "no-restricted-syntax": [
    "error",
    { selector: "ExportDefaultDeclaration", message: "Export it by name." },
    {
      selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']",
      message: "Throw an error; main.ts alone ends the process.",
    },
  ],
  // Output belongs to cli.ts, and the log to report/.
  "no-console": "error",
  "max-lines": ["error", 300],
};

export default [
  { ignores: ["dist/", "node_modules/", ".cache/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: everywhere,
  },
  { files: ["src/**/*.ts"], rules: inSources },
  // The two ends of the program: how it ends, and what it prints.
  { files: ["src/main.ts"], rules: { "no-restricted-syntax": "off", "no-console": "off" } },
];
