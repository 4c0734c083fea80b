"""Evidence to look at: a run's result as a table, as CSV and as one page that works offline.

Takes the plain JSON object of a run and gives text back; measures nothing, judges nothing and
writes no file. Unknown keys are left alone, so that a result of a newer lab still renders.
"""
