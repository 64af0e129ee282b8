import { openAuthenticator, sealReceipt, type ReceiptFields } from "../archive/receipt.ts";
import { inspectSealingKey } from "../archive/keys.ts";
import { archiveKey, indexKey } from "../plan/names.ts";
import type { Made } from "./at-rest.ts";
import type { Predecessor } from "./predecessor.ts";
import type { Tools } from "./tools.ts";
