"""Fetching answers from Label Studio into the tables `annotations` and `quarantine`.

`pull` goes through the projects, `project_pull` reads one. What need not be read again follows from
`known_answers` and `read_tasks`; `sent_tasks` says what each task was about. `validation`,
`marked_spans` and `offsets` turn an answer into a row, or send it to quarantine.
`annotator_reports` shows how each annotator works.
"""
