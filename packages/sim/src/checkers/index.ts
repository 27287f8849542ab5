// Checkers of histories, fit for any store's.

export { type Bank, type BankView, checkBankView } from "./bank-total.ts";
export type { Anomaly, AnomalyType, HistoryTransaction, ListOperation } from "./history.ts";
export { checkSnapshotIsolation, type SnapshotIsolationOptions } from "./snapshot-isolation.ts";
