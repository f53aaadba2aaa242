"""New scenes: a person's decoder driven through latent codes, without a template."""
