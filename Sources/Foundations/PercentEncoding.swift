/// Percent-encoding (RFC 3986 section 2.1), which differs by what is left as it is.
package struct PercentEncoding: Sendable {
    private let isUnreserved: [Bool]

    /// That of `encodeURIComponent`, in which cookie values are written (docs/specification/sdk.md 1.2).
    package static let component = PercentEncoding(besidesLettersAndDigits: "-_.!~*'()")
    /// That of the values of a query to a core.
    package static let query = PercentEncoding(besidesLettersAndDigits: "-_.")

    private static let percent = UInt8(ascii: "%")
    private static let digits = Array("0123456789ABCDEF".utf8)

    private init(besidesLettersAndDigits others: String) {
        let kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + others
        var isUnreserved = [Bool](repeating: false, count: 256)
        for byte in kept.utf8 { isUnreserved[Int(byte)] = true }
        self.isUnreserved = isUnreserved
    }

    /// The text with all else as escapes of its UTF-8.
    package func encode(_ text: String) -> String {
        if text.utf8.allSatisfy({ isUnreserved[Int($0)] }) { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(3 * text.utf8.count)
        for byte in text.utf8 {
            if isUnreserved[Int(byte)] {
                bytes.append(byte)
            } else {
                bytes += [Self.percent, Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text behind an encoded one; `nil` when an escape is no escape or the bytes are not UTF-8.
    ///
    /// - Parameter plusIsSpace: whether `+` is a space, as in forms.
    package static func decode(_ text: some Collection<UInt8>, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case percent:
                guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
