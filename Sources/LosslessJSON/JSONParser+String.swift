extension JSONParser {
    /// Reads a string with its quotation marks and gives its meaning.
    mutating func string() throws(JSONError) -> JSONString {
        guard take("\"") else { throw fault(.unexpectedCharacter) }
        let start = position
        let seen = skipPlainText()
        guard let stop = next else { throw fault(.unexpectedEnd) }
        guard stop == UInt8(ascii: "\"") else { return try escapedString(from: start) }
        let slice = bytes[start..<position]
        let text = seen < 0x80 ? String(decoding: slice, as: UTF8.self) : try validated(slice)
        position += 1
        return .text(text)
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
    private mutating func escapedString(from start: Int) throws(JSONError) -> JSONString {
        position = start
        var text = PieceByPiece()
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try text.finish { (bytes) throws(JSONError) in try validated(bytes) }
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case 0..<0x20: throw fault(.invalidString)
            default:
                let first = position
                _ = skipPlainText()
                text.append(bytes[first..<position])
            }
        }
        throw fault(.unexpectedEnd)
    }

    private mutating func escape(into text: inout PieceByPiece) throws(JSONError) {
        guard let byte = next else { throw fault(.unexpectedEnd) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(CollectionOfOne(byte))
        case UInt8(ascii: "b"): text.append(CollectionOfOne(0x08))
        case UInt8(ascii: "f"): text.append(CollectionOfOne(0x0C))
        case UInt8(ascii: "n"): text.append(CollectionOfOne(0x0A))
        case UInt8(ascii: "r"): text.append(CollectionOfOne(0x0D))
        case UInt8(ascii: "t"): text.append(CollectionOfOne(0x09))
        case UInt8(ascii: "u"): try escapedUnit(into: &text)
        default: throw fault(.invalidString)
        }
    }

    /// `XXXX` or, for a surrogate pair, `XXXX\uXXXX`.
    private mutating func escapedUnit(into text: inout PieceByPiece) throws(JSONError) {
        let start = position
        let first = UInt32(try hexUnit())
        let digits = bytes[start..<position]
        if let scalar = Unicode.Scalar(first) { return text.append(String(scalar).utf8) }
        let end = position
        if first < 0xDC00, take("\\"), take("u"), case let second = UInt32(try hexUnit()), second >= 0xDC00,
            second <= 0xDFFF, let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        {
            return text.append(String(scalar).utf8)
        }
        // What follows is no second half: it is read as what it is.
        position = end
        try text.appendLoneSurrogate(digits) { (bytes) throws(JSONError) in try validated(bytes) }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault(.invalidString)
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}

/// A string that is put together from plain text and escapes.
private struct PieceByPiece {
    /// The text since the last lone surrogate.
    private var text: [UInt8] = []
    /// All before it, as a document writes it; empty when there was none.
    private var written: [UInt8] = []

    mutating func append(_ bytes: some Collection<UInt8>) { text.append(contentsOf: bytes) }

    /// Appends half a pair, if `read` takes the bytes before it for UTF-8.
    mutating func appendLoneSurrogate(
        _ digits: some Collection<UInt8>, _ read: ([UInt8]) throws(JSONError) -> String
    ) throws(JSONError) {
        write(try read(text))
        text = []
        written.append(contentsOf: "\\u".utf8)
        written.append(contentsOf: digits)
    }

    /// Gives the string, if `read` takes its bytes for UTF-8.
    mutating func finish(_ read: ([UInt8]) throws(JSONError) -> String) throws(JSONError) -> JSONString {
        let last = try read(text)
        guard !written.isEmpty else { return .text(last) }
        write(last)
        return .lone(LoneSurrogateText(validated: String(decoding: written, as: UTF8.self)))
    }

    private mutating func write(_ text: String) {
        for scalar in text.unicodeScalars { scalar.writeEscaped(into: &written) }
    }
}
