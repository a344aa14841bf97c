"""What happened: the transaction log, the double-entry ledger, hot card accounts and running totals."""

from transactions.models.accounts import CardAccount, LedgerAccount, Transfer
from transactions.models.log import HourTotal, MerchantLog, Transaction

__all__ = ["CardAccount", "HourTotal", "LedgerAccount", "MerchantLog", "Transaction", "Transfer"]
