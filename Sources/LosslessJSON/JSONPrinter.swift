extension JSONValue {
    /// The compact text of this value: no spaces, members in order, numbers as they came.
    public var text: String { String(decoding: serialized(), as: UTF8.self) }

    /// The UTF-8 bytes of ``text``.
    public func serialized() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        write(into: &bytes)
        return bytes
    }

    /// Appends the compact text of this value.
    public func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let number): bytes.append(contentsOf: number.text.utf8)
        case .string(let string): string.writeQuoted(into: &bytes)
        case .loneSurrogates(let string): JSONString.lone(string).writeQuoted(into: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object): object.write(into: &bytes)
        }
    }
}

extension JSONObject {
    /// The compact text of this object.
    public var text: String { String(decoding: serialized(), as: UTF8.self) }

    /// The UTF-8 bytes of ``text``.
    public func serialized() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        write(into: &bytes)
        return bytes
    }

    /// Appends the compact text of this object.
    public func write(into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            member.exactName.writeQuoted(into: &bytes)
            bytes.append(UInt8(ascii: ":"))
            member.value.write(into: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

extension String {
    /// Appends this text as a JSON string: quotes, backslash, control characters, U+2028 and U+2029 escaped, all else
    /// raw, as the cores write it (docs/specification/core.md 1.0).
    fileprivate func writeQuoted(into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        let isWritten = utf8.withContiguousStorageIfAvailable { text in
            let isPlain = text.isPlain
            if isPlain { bytes.append(contentsOf: text) }
            return isPlain
        }
        if !(isWritten ?? false) {
            for scalar in unicodeScalars { scalar.writeEscaped(into: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONString {
    fileprivate func writeQuoted(into bytes: inout [UInt8]) {
        switch self {
        case .text(let text): text.writeQuoted(into: &bytes)
        case .lone(let text):
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: text.written.utf8)
            bytes.append(UInt8(ascii: "\""))
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether nothing in a text needs an escape; all of it is looked at, many bytes at a time.
    ///
    /// U+2028 and U+2029 are E2 80 A8 and E2 80 A9 in UTF-8: a text with an E2 is looked at more closely.
    fileprivate var isPlain: Bool {
        var special: UInt8 = 0
        for byte in self {
            special |= (byte < 0x20 ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x5C ? 1 : 0) | (byte == 0xE2 ? 1 : 0)
        }
        return special == 0
    }
}

extension Unicode.Scalar {
    /// Appends this as it stands in a JSON string.
    func writeEscaped(into bytes: inout [UInt8]) {
        switch value {
        case 0x22: bytes.append(contentsOf: "\\\"".utf8)
        case 0x5C: bytes.append(contentsOf: "\\\\".utf8)
        case 0x08: bytes.append(contentsOf: "\\b".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0C: bytes.append(contentsOf: "\\f".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0..<0x20, 0x2028, 0x2029:
            let hex = String(value, radix: 16)
            bytes.append(contentsOf: "\\u".utf8)
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - hex.utf8.count))
            bytes.append(contentsOf: hex.utf8)
        case ..<0x80: bytes.append(UInt8(truncatingIfNeeded: value))
        default: if let encoded = UTF8.encode(self) { bytes.append(contentsOf: encoded) }
        }
    }
}
