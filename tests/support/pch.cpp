// Exists so that the tests share one precompiled header.
