"""Model servers that speak the OpenAI protocol: many requests at once, each to its end.

A failed attempt is one of three things. The *request* is bad: its item fails, the others go on. The
*server* is in trouble: everyone waits, and the run stops once that lasts longer than the patience.
The server takes *nobody* (wrong key, no such model): the run stops at once.
"""
