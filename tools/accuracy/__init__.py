"""The accuracy benchmark: people touching their faces, rendered with complete truth, captured, and measured."""
