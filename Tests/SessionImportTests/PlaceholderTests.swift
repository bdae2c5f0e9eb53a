import Testing
@Suite("x") struct PlaceholderTests {}
