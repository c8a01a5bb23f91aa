"""A guard for Label Studio's community edition, which has no roles: annotators only label.

This folder is put on the PYTHONPATH of the Label Studio server, which loads it by
`DJANGO_SETTINGS_MODULE=alignbench_guard.settings`. It needs only Django and Label Studio, and
AlignBench's own process never imports it.
"""
