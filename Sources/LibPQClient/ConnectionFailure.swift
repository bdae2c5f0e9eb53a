import LibPQFunctions

/// The report of an attempt to connect, which libpq gives as text only.
///
/// libpq has no function for the SQLSTATE of an attempt that fails, but writes it into a verbose message, before the
/// server's own words, which may be in any language.
struct ConnectionFailure: Equatable {
    /// The message without what verbosity adds.
    let message: String
    /// The last SQLSTATE in it: that of the last server that was asked; `nil` where none answered.
    let code: String?

    init(verbose text: String) {
        var code: String?
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:  ") }.map { line in
            guard let found = Self.code(in: line) else { return String(line) }
            code = String(line[found.text])
            return String(line[..<found.all.lowerBound] + line[found.all.upperBound...])
        }
        message = lines.isEmpty ? "the connection was closed" : lines.joined(separator: "; ")
        self.code = code
    }

    /// Finds `28P01: ` in `FATAL:  28P01: password authentication failed`.
    private static func code(
        in line: Substring
    ) -> (text: Range<Substring.Index>, all: Range<Substring.Index>)? {
        var rest = line[...]
        while let mark = rest.firstRange(of: ":  ") {
            rest = rest[mark.upperBound...]
            let code = rest.prefix(5)
            let end = rest.dropFirst(5)
            guard code.utf8.count == 5, code.utf8.allSatisfy(isPartOfCode), end.hasPrefix(": ") else { continue }
            return (code.startIndex..<code.endIndex, code.startIndex..<end.index(end.startIndex, offsetBy: 2))
        }
        return nil
    }

    private static func isPartOfCode(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// The error of an attempt.
    ///
    /// - Parameters:
    ///   - lacksPassword: whether the server asked for a password and there was none.
    ///   - isLocal: whether libpq failed before it waited for any server.
    func error(lacksPassword: Bool, isLocal: Bool) -> ClientError {
        if let code { return StatementError.isPermanent(code) ? .unusable(message) : .unavailable(message) }
        return lacksPassword || (isLocal && isMistake) ? .unusable(message) : .unavailable(message)
    }

    /// Whether libpq cannot use a parameter.
    ///
    /// Its own texts are in English, because this process sets no locale.
    private var isMistake: Bool { ["invalid ", "could not match"].contains(where: message.contains) }
}
