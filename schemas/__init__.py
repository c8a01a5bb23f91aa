"""What every other package agrees on: vocabulary, ids, tables, configuration, protocols, errors.

Nothing here reads or writes data, and nothing here imports another package of this project.
"""
