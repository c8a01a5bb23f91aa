"""Sending the units of a round to Label Studio, each exactly once.

`push` sends them; `ledger` knows what was sent, and `reconciliation` finds out what arrived where
that is unclear. `ordering` puts the sentences in order, `image_delivery` lets the page show their
images. `overlap` sets how many answers each task of a shared round gets, `disputes` picks what an
adjudicator decides.
"""
