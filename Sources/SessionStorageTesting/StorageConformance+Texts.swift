import LosslessJSON
import SessionEngine
import SessionStorage

extension StorageConformance {
    static let textChecks = [
        Check("Texts of every kind round-trip byte for byte") { storage in
            for (number, text) in texts.enumerated() {
                var record = ConformanceSample.record("h\(number)", user: text)
                record.tenantID = TenantID(text)
                record.currentTokenHash = StoredTokenHash(stored: text)
                record.sessionData = JSONObjectText(stored: text)
                record.accessTokenPayload = JSONObjectText(stored: text)
                try await storage.insert(record)
                let stored = try await storage.session(record.handle)
                try expect(ConformanceSample.isSame(stored, record), "text \(number) changed on its way")
            }
        },
        Check("Handles of every kind are found, removed and kept apart") { storage in
            try await storage.insert(all: texts.map { ConformanceSample.record($0) })
            try expect(
                try await storage.handles(of: UserID("u1"), liveAt: ConformanceSample.start).count, is: texts.count,
                "handles")
            for text in texts {
                let handle = SessionHandle(text)
                try expect(try await storage.session(handle)?.handle == handle, "a handle is not found")
                try expect(try await storage.remove(.handles([handle])), is: [handle], "removed")
            }
        },
        Check("Users whose names differ in any byte are different users") { storage in
            for (number, user) in texts.enumerated() {
                try await storage.insert(ConformanceSample.record("h\(number)", user: user))
            }
            for (number, user) in texts.enumerated() {
                try expect(try await storage.handleTexts(of: user), is: ["h\(number)"], "handles of user \(number)")
            }
        },
        Check("U+0000 in a name is refused by its field's name and found nowhere") { storage in
            for text in ["\u{0}", "a\u{0}", "\u{0}b", "a\u{0}b"] {
                let (user, handle) = (ConformanceSample.record("h", user: text), ConformanceSample.record(text))
                for (record, field) in [(user, "user id"), (handle, "session handle")] {
                    do throws(StorageError) {
                        try await storage.insert(record)
                        throw StorageError(.corrupt, "it was stored")
                    } catch {
                        let expected = "the \(field) has the character U+0000 in it"
                        try expect(error.code == .unstorable && error.detail == expected, "\(error.detail)")
                    }
                }
                try expect(try await storage.handleTexts(of: text), is: [], "handles")
                try expect(try await storage.session(SessionHandle(text)) == nil, "a session was found")
                let removed = try await storage.remove(.handles([SessionHandle(text)]))
                try expect(removed, is: [], "removed handles")
                let all = try await storage.remove(.user(UserID(text), liveAt: ConformanceSample.start))
                try expect(all, is: [], "removed sessions of a user")
            }
        },
        Check("Nothing in a text is taken for a command") { storage in
            try await storage.insert(ConformanceSample.record("kept"))
            let evil = "'; DELETE FROM session_info; --"
            try await storage.insert(ConformanceSample.record(evil, user: evil, payload: evil))
            _ = try await storage.handleTexts(of: evil)
            _ = try await storage.remove(.user(UserID("' OR '1'='1"), liveAt: ConformanceSample.start))
            _ = try await storage.remove(.handles([SessionHandle("%"), SessionHandle("*"), SessionHandle("_")]))
            try expect(try await storage.handleTexts(of: "u1"), is: ["kept"], "handles left")
        },
        Check("A payload of 100 kB round-trips") { storage in
            let payload = "{\"k\":\"" + String(repeating: "é", count: 50_000) + "\"}"
            let record = ConformanceSample.record("h", payload: payload)
            try await storage.insert(record)
            let stored = try await storage.session(record.handle)
            try expect(ConformanceSample.isSame(stored, record), "100 kB changed on their way")
        },
        Check("The ends of time round-trip") { storage in
            for (number, time) in [Int64.min, -1, 0, 1, 4_102_444_800_000, .max].enumerated() {
                let time = Timestamp(milliseconds: time)
                let record = ConformanceSample.record("h\(number)", createdAt: time, expiresAt: time)
                try await storage.insert(record)
                try expect(try await storage.session(record.handle) == record, "\(time) changed on its way")
            }
        },
    ]

    /// Texts that are easily confused, cut or misunderstood; all differ in their bytes.
    private static let texts = [
        "", " ", "a", "A", "a ", " a", "'", "''", "\"", "\\", "`", "%", "_", "*", "?", "?1", ":a", "--", "/*", ";",
        "\n",
        "\r\n", "\t", "\u{1}", "\u{7F}", "NULL", "null", "0", "00", "1e3", "caf\u{E9}", "cafe\u{301}", "ß", "ss", "İ",
        "i", "\u{2028}", "\u{200B}", "\u{FEFF}", "\u{FFFD}", "\u{10FFFF}", "😀", "👨‍👩‍👧", "日本語", "{\"a\":1}",
        "{\"\\ud83d\":\"\\uDE00\"}", "\\u0000",
    ]
}
