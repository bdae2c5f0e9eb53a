// No one uses this module without what it tests with (docs/decisions/0034).

@_exported public import HummingbirdTesting
@_exported public import TesseraTesting
