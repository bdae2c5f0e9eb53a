public import LosslessJSON

/// A reply under construction: members are offered, and those that the driver's version knows are taken.
public struct ReplyDocument: Sendable {
    private let shape: ReplyShape
    private let dialect: Dialect
    private let prefix: String
    /// The members taken so far.
    public private(set) var object = JSONObject()

    /// An empty reply.
    public init(_ shape: ReplyShape, _ dialect: Dialect) {
        self.init(shape, dialect, prefix: "")
    }

    private init(_ shape: ReplyShape, _ dialect: Dialect, prefix: String) {
        self.shape = shape
        self.dialect = dialect
        self.prefix = prefix
    }

    /// Whether a member would be taken; ask before computing what is expensive.
    public func takes(_ name: String) -> Bool { dialect.shows(prefix + name, in: shape) }

    /// Offers a member; `nil` is an absent one.
    public mutating func add(_ name: String, _ value: JSONValue?) {
        if let value, takes(name) { object.append(name, value) }
    }

    /// Offers a member that is an object with members of its own.
    public mutating func add(_ name: String, _ build: (inout ReplyDocument) -> Void) {
        guard takes(name) else { return }
        var nested = ReplyDocument(shape, dialect, prefix: "\(prefix)\(name).")
        build(&nested)
        object.append(name, .object(nested.object))
    }
}
