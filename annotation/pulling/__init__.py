"""Fetching answers from Label Studio into the tables `annotations` and `quarantine`.

`pull` goes through the projects, `project_pull` reads one. What need not be read again follows from
`known_answers` and `read_tasks`; `sent_tasks` says what each task was about. `validation` checks
whose an answer is and to what, and has its unit turn it into rows; or it goes to quarantine.
`annotator_reports`, `rater_reports` and `checker_reports` show how people work.
"""
