/// A JSON object kept as its compact text, parsed only when a member is read.
///
/// Storage and tokens carry payloads in this form; comparing two of them is usually comparing two strings.
public struct JSONObjectText: Sendable, Hashable {
    private let written: String?
    private let object: JSONObject?

    /// The text of an object.
    public init(_ object: JSONObject) {
        self.written = object.text
        self.object = object
    }

    /// An object that was read a moment ago and will hardly ever be written.
    package static func parsed(_ object: JSONObject) -> JSONObjectText {
        JSONObjectText(written: nil, object: object)
    }

    private init(written: String?, object: JSONObject?) {
        self.written = written
        self.object = object
    }

    /// Takes a text that was written by ``init(_:)`` before, from storage.
    ///
    /// It is checked when it is ``decoded()``.
    public init(stored text: String) {
        self.written = text
        self.object = nil
    }

    /// The compact text of the object.
    public var text: String { written ?? object?.text ?? "{}" }

    /// The object.
    ///
    /// - Throws: ``JSONError`` when a stored text is not an object after all.
    public func decoded() throws(JSONError) -> JSONObject {
        if let object { return object }
        let value = try JSONValue(parsing: text, limits: JSONLimits(bytes: .max))
        guard let object = value.object else { throw JSONError(reason: .unexpectedCharacter, offset: 0) }
        return object
    }

    /// Equal in every byte; see ``isEquivalent(to:)`` for what a reader would call the same.
    public static func == (left: JSONObjectText, right: JSONObjectText) -> Bool { left.text.isSameText(as: right.text) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { text.hashText(into: &hasher) }

    /// Whether both texts are objects of the same meaning; see ``JSONValue/isEquivalent(to:)``.
    public func isEquivalent(to other: JSONObjectText) -> Bool {
        if text.isSameText(as: other.text) { return true }
        guard let left = try? decoded(), let right = try? other.decoded() else { return false }
        return left.isEquivalent(to: right)
    }
}
