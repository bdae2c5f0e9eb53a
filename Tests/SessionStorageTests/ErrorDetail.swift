public import SessionStorage
public import Testing

/// A failing test says all of what happened; elsewhere the detail is for the operator alone.
extension StorageError: CustomTestStringConvertible {
    public var testDescription: String { "\(self): \(detail)" }
}
