;; Refused: a component without a tool.
(component)
