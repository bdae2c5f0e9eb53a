extension JSONParser {
    /// Reads a string with its quotation marks and gives its meaning.
    mutating func string() throws(JSONError) -> String {
        guard take("\"") else { throw fault(.unexpectedCharacter) }
        let start = position
        let seen = skipPlainText()
        guard let stop = next else { throw fault(.unexpectedEnd) }
        guard stop == UInt8(ascii: "\"") else { return try escapedString(from: start) }
        let slice = bytes[start..<position]
        let text = seen < 0x80 ? String(decoding: slice, as: UTF8.self) : try validated(slice)
        position += 1
        return text
    }

    /// Goes on to the next quotation mark, backslash or control character.
    ///
    /// - Returns: the bits of all bytes on the way together; below 0x80 they were ASCII.
    private mutating func skipPlainText() -> UInt8 {
        var seen: UInt8 = 0
        var index = position
        let end = bytes.count
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            seen |= byte
            index += 1
        }
        position = index
        return seen
    }

    private func validated(_ slice: some Collection<UInt8>) throws(JSONError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw fault(.invalidUTF8) }
        return text
    }

    /// The slow path: at least one escape (or a control character, which is refused).
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var buffer = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try validated(buffer)
            case UInt8(ascii: "\\"): try escape(into: &buffer)
            case 0..<0x20: throw fault(.invalidString)
            default: buffer.append(byte)
            }
        }
        throw fault(.unexpectedEnd)
    }

    private mutating func escape(into buffer: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw fault(.unexpectedEnd) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"): buffer.append(contentsOf: try escapedScalar().utf8)
        default: throw fault(.invalidString)
        }
    }

    /// `XXXX` or `XXXX\uXXXX`; half a surrogate pair is refused, because UTF-8 cannot carry it back.
    private mutating func escapedScalar() throws(JSONError) -> String {
        let first = UInt32(try hexUnit())
        var code = first
        if (0xD800...0xDBFF).contains(first) {
            guard take("\\"), take("u") else { throw fault(.invalidString) }
            let second = UInt32(try hexUnit())
            guard (0xDC00...0xDFFF).contains(second) else { throw fault(.invalidString) }
            code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault(.invalidString) }
        return String(scalar)
    }

    private mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault(.invalidString)
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}
