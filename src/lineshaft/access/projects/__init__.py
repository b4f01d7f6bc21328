"""Projects: parts of a tenant whose objects are there for their members only; and tenants beside the first."""
