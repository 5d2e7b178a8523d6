"""HTTP, WebSocket and the visitor's pages."""
