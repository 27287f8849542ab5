// Views of a bank that are right, and wrong in each way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkBankView } from "./bank-total.ts";

function check(name: string, balances: Record<string, number>, expected: readonly string[]): void {
  test(name, () => {
    const bank = { accounts: ["a", "b"], total: 20 };
    const view = { by: "audit", balances: new Map(Object.entries(balances)) };
    assert.deepEqual(checkBankView(bank, view), expected);
  });
}

check("money that was moved", { a: 3, b: 17 }, []);
check("all of it in one account", { a: 0, b: 20 }, []);
check("money lost", { a: 3, b: 16 }, ["audit found 19 instead of 20"]);
check("money made", { a: 10, b: 11 }, ["audit found 21 instead of 20"]);
check("an account below zero", { a: -1, b: 21 }, ["audit found -1 in a"]);
check("an account missing", { a: 20 }, ["audit found the accounts a"]);
check("an account too many", { a: 3, b: 17, c: 0 }, ["audit found the accounts a b c"]);
