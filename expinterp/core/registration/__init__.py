"""Registration: find how the camera moved between exposures of one scene, and undo it."""
