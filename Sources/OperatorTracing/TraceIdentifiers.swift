import Foundations

/// The number of a trace: 16 bytes, never all zero.
package struct TraceID: Sendable, Hashable {
    /// The first 8 bytes.
    package let high: UInt64
    /// The last 8 bytes, of which 7 are random also where only those are.
    package let low: UInt64

    /// Takes a number; `nil` for the one that stands for none.
    ///
    /// - Parameters:
    ///   - high: the first 8 bytes.
    ///   - low: the last 8 bytes.
    package init?(high: UInt64, low: UInt64) {
        guard high | low != 0 else { return nil }
        (self.high, self.low) = (high, low)
    }

    /// A number of random bits.
    init(random bits: (UInt64, UInt64)) { (high, low) = (bits.0, bits.0 | bits.1 == 0 ? 1 : bits.1) }

    /// 32 digits.
    package var hex: String { HexNumber.text(high) + HexNumber.text(low) }
}

/// The number of a span: 8 bytes, never all zero.
package struct SpanID: Sendable, Hashable {
    package let number: UInt64

    /// Takes a number; `nil` for the one that stands for none.
    ///
    /// - Parameter number: its 8 bytes, the first one highest.
    package init?(_ number: UInt64) {
        guard number != 0 else { return nil }
        self.number = number
    }

    /// A number of random bits.
    init(random bits: UInt64) { number = bits == 0 ? 1 : bits }

    /// 16 digits.
    package var hex: String { HexNumber.text(number) }
}

/// What is said about a trace in bits; those that no version has named are not taken over.
package struct TraceFlags: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The caller records it.
    package static let sampled = TraceFlags(rawValue: 1)
    /// The last 7 bytes of its number are random.
    package static let random = TraceFlags(rawValue: 2)
}

/// Numbers as lower-case hexadecimal digits.
enum HexNumber {
    /// Reads at most 16 digits; `nil` where there is any other character.
    static func read(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for digit in digits {
            guard Hex.isLowerCaseDigit(digit), let value = Hex.value(ofDigit: digit) else { return nil }
            number = number << 4 | UInt64(value)
        }
        return number
    }

    static func text(_ number: UInt64) -> String { withUnsafeBytes(of: number.bigEndian) { Hex.encode($0) } }
}
