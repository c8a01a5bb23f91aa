"""Who is asked what in a round: table `assignments`, written before anything is sent.

`dealer` deals units out to people and knows neither tables nor servers; `standings` reads from the
tables what has become of what was dealt, `team` who can be asked. `rounds` keeps the form that a
round was begun with. `begun` asks the server what its people have begun, and `queues` has it offer
exactly what is assigned.
"""
