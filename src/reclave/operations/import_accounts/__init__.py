"""Importing accounts from a file: START at `running.import_accounts`."""
