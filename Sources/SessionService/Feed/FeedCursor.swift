import Foundations

/// Where a reader of the feed is: which history, up to which number of it another core has surely sent all, and the place in
/// the list of the core that wrote it.
///
/// It is parsed into numbers; who changes it only harms what they read themselves.
struct FeedCursor: Equatable {
    let history: UInt64
    let settled: Int64
    let core: UInt64
    let place: Int64

    init(history: UInt64, settled: Int64, core: UInt64, place: Int64) {
        (self.history, self.settled, self.core, self.place) = (history, settled, core, place)
    }

    /// Reads a cursor; `nil` for any other text.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count <= 80, parts.count == 4, let history = Self.word(parts[0]),
            let core = Self.word(parts[2]),
            let settled = Self.number(parts[1]), let place = Self.number(parts[3])
        else { return nil }
        self.init(history: history, settled: settled, core: core, place: place)
    }

    var text: String { "\(Self.hex(history))-\(settled)-\(Self.hex(core))-\(place)" }

    /// A word as 16 digits.
    static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func word(_ text: Substring) -> UInt64? {
        text.utf8.count == 16 && text.utf8.allSatisfy(Hex.isLowerCaseDigit) ? UInt64(text, radix: 16) : nil
    }

    private static func number(_ text: Substring) -> Int64? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int64(text) : nil
    }
}
