"""Pictures that we encode ourselves: raw files and linear light."""
