"""A witness of transparency logs (C2SP tlog-witness): a process of its own that remembers how far it has seen each log.

It cosigns a ledger checkpoint only where a proof shows that the log continues what it cosigned before. So an operator who shows two
people two different pasts needs a witness that lies, too. Run it where the ledger's operator can't reach: `python -m lifecycle.witness`.
"""
