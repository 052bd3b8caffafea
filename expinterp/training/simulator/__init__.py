"""The camera simulator: from scene radiance to photographs."""
