"""The method on arrays: no files, no model, no screen."""
