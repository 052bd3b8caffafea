"""One module for each library or format that turns bytes into code values, and back."""
