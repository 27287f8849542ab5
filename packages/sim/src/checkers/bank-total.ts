// Money is moved between accounts and never made: every view of all accounts has the same total,
// and no account is below zero, for no transfer takes more than there is.

export interface BankView {
  /** Who looked, for a report. */
  readonly by: string;
  readonly balances: ReadonlyMap<string, number>;
}

export interface Bank {
  readonly accounts: readonly string[];
  readonly total: number;
}

/** What is wrong with a view, a line each. */
export function checkBankView(bank: Bank, view: BankView): readonly string[] {
  const wrong: string[] = [];
  const names = [...view.balances.keys()].sort();
  if (names.join() !== [...bank.accounts].sort().join()) {
    wrong.push(`${view.by} found the accounts ${names.join(" ")}`);
  }
  const total = [...view.balances.values()].reduce((sum, balance) => sum + balance, 0);
  if (total !== bank.total) wrong.push(`${view.by} found ${total} instead of ${bank.total}`);
  for (const [name, balance] of view.balances) {
    if (balance < 0) wrong.push(`${view.by} found ${balance} in ${name}`);
  }
  return wrong;
}
