"""The frozen types that every part of govbench speaks, and their form on disk."""
