public import LosslessJSON

/// The body of a request, read field by field with the cores' rules: a missing field, a wrong type and an explicit
/// `null` are all the same mistake (docs/specification/core.md 1.0).
public struct RequestFields: Sendable {
    private let body: JSONObject
    private let operation: CoreOperation
    private let dialect: Dialect

    /// Reads a body.
    ///
    /// - Throws: ``InvalidRequest`` unless the bytes are one JSON object.
    public init(
        body: some Collection<UInt8>, operation: CoreOperation, dialect: Dialect
    ) throws(InvalidRequest) {
        let limits = JSONLimits(bytes: operation.maximumBodyLength)
        guard let object = try? JSONValue(parsing: body, limits: limits).object else { throw InvalidRequest(.notJSON) }
        self.body = object
        self.operation = operation
        self.dialect = dialect
    }

    /// A field that must be there.
    ///
    /// - Throws: ``InvalidRequest``.
    public func required<Value>(
        _ name: String, _ read: (JSONValue) -> Value?
    ) throws(InvalidRequest) -> Value {
        guard let value = body[name].flatMap(read) else { throw InvalidRequest(.invalidField(name)) }
        return value
    }

    /// A field that may be left out.
    ///
    /// - Throws: ``InvalidRequest`` when it is there and of the wrong type.
    public func optional<Value>(
        _ name: String, _ read: (JSONValue) -> Value?
    ) throws(InvalidRequest) -> Value? {
        body[name] == nil ? nil : try required(name, read)
    }

    /// A field that some versions require, some allow and some do not read; see the catalogue.
    ///
    /// - Throws: ``InvalidRequest`` when it is missing and required, or of the wrong type.
    public func versioned<Value>(
        _ name: String, _ read: (JSONValue) -> Value?
    ) throws(InvalidRequest) -> Value? {
        switch dialect.presence(of: name, in: operation) {
        case .required: try required(name, read)
        case .optional: try optional(name, read)
        case .ignored: nil
        }
    }
}

extension JSONValue {
    /// The number when this is one, without its fraction.
    public var long: Int64? {
        guard let number else { return nil }
        return number.int64 ?? Double(number.text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
    }

    /// The elements when this is an array of strings.
    public var strings: [String]? {
        guard let array else { return nil }
        let strings = array.compactMap(\.string)
        return strings.count == array.count ? strings : nil
    }
}
