"""Label Studio: the server that holds the tasks, and the page that annotators answer on.

`server` is what push and pull ask of it, over `transport`, `reader`, `queries` and `storages`;
`records` are the values that go in and out. `page` and `guidelines` are what annotators see, made
of the `choices` they have; `results` is an answer as the page saves it. `accounts` makes accounts
for annotators, and answers through them.
"""
