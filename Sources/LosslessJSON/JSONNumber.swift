/// A JSON number as the characters that were sent: never a floating-point value on the way through.
public struct JSONNumber: Sendable, Hashable {
    /// The number's text, valid by the grammar of RFC 8259 section 6.
    public let text: String

    /// Trusts the parser for the grammar.
    init(validated text: String) {
        self.text = text
    }

    /// The plain decimal text of an integer.
    public init(_ value: some BinaryInteger) {
        self.text = String(value)
    }

    /// The value when the text is a plain integer (no fraction, no exponent) within 64 bits.
    ///
    /// Never rounds and never traps; `1e3`, `1.0` and `9223372036854775808` give `nil`.
    public var int64: Int64? { Int64(text) }

    /// Whether two texts stand for the same number: `1e+30` and `1.0E30` do, `-0` and `0` do.
    public func isNumericallyEqual(to other: JSONNumber) -> Bool {
        text == other.text || DecimalForm(text) == DecimalForm(other.text)
    }
}

/// A number's significant digits and the power of ten of the last one; equal forms are equal numbers.
private struct DecimalForm: Equatable {
    var isNegative = false
    var digits: [UInt8] = []
    var exponent = 0

    init(_ text: String) {
        var rest = Substring(text).utf8
        if rest.first == UInt8(ascii: "-") {
            isNegative = true
            rest = rest.dropFirst()
        }
        var fractionLength = 0
        var inFraction = false
        while let byte = rest.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: ".") {
                inFraction = true
            } else {
                digits.append(byte)
                if inFraction { fractionLength += 1 }
            }
        }
        // An exponent beyond Int is kept apart from every other by its sign only; nothing here can overflow.
        let written = Substring(rest.dropFirst())
        let power = Int(written) ?? (written.hasPrefix("-") ? -Self.unbounded : written.isEmpty ? 0 : Self.unbounded)
        exponent = min(max(power, -Self.unbounded), Self.unbounded) - fractionLength
        normalise()
    }

    private static let unbounded = 1 << 40

    private mutating func normalise() {
        let zero = UInt8(ascii: "0")
        while digits.last == zero {
            digits.removeLast()
            exponent += 1
        }
        digits.removeFirst(digits.prefix { $0 == zero }.count)
        if digits.isEmpty {
            isNegative = false
            exponent = 0
        }
    }
}
