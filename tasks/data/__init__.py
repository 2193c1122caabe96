"""A stage's data as a whole: exported, imported, checked, migrated."""
