import LosslessJSON
import SessionEngine
import SessionStorage

extension StorageConformance {
    static let concurrencyChecks = [
        Check("Of 64 who promote at once exactly one wins, in each generation (T12)") { storage in
            let first = ConformanceSample.record("h")
            try await storage.insert(first)
            var current = first.currentTokenHash
            for generation in 1...10 {
                let expected = current
                let winners = try await inParallel(64) { number in
                    try await promote(storage, from: expected, to: "\(generation)-\(number)")
                }.filter { $0 }
                try expect(winners.count, is: 1, "winners of generation \(generation)")
                guard let next = try await storage.session(first.handle) else {
                    throw ConformanceFailure("the session is gone")
                }
                try expect(next.currentTokenHash.hex.hasPrefix("\(generation)-"), "the winner's change was lost")
                current = next.currentTokenHash
            }
        },
        Check("No update is lost between 100 that count") { storage in
            try await storage.insert(ConformanceSample.record("h", payload: "0"))
            try await inParallel(100) { _ in
                try await storage.update(SessionHandle("h")) { record in
                    guard var next = record, let count = Int(next.accessTokenPayload.text) else {
                        return Decision(.keep, ())
                    }
                    next.accessTokenPayload = JSONObjectText(stored: String(count + 1))
                    return Decision(.replace(next), ())
                }
            }
            let record = try await storage.session(SessionHandle("h"))
            try expect(record?.accessTokenPayload.text ?? "", is: "100", "count")
        },
        Check("Of 32 who insert one handle exactly one does") { storage in
            let inserted = try await inParallel(32) { number -> Bool in
                do {
                    try await storage.insert(ConformanceSample.record("h", user: "u\(number)"))
                    return true
                } catch let error as StorageError where error.code == .alreadyExists {
                    return false
                }
            }
            try expect(inserted.filter { $0 }.count, is: 1, "insertions that succeeded")
        },
        Check("Of 32 who remove one session exactly one learns that it did") { storage in
            try await storage.insert(ConformanceSample.record("h"))
            let removed = try await inParallel(32) { _ in try await storage.remove(.handles([SessionHandle("h")])).count
            }
            try expect(removed.reduce(0, +), is: 1, "removals that were reported")
        },
        Check("A session removed among updates stays removed") { storage in
            for round in 0..<20 {
                let record = ConformanceSample.record("h\(round)")
                try await storage.insert(record)
                try await inParallel(8) { number in
                    if number == 3 { return _ = try await storage.remove(.handles([record.handle])) }
                    try await storage.update(record.handle) { current in
                        Decision(current.map(changed).map(SessionChange.replace) ?? .keep, ())
                    }
                }
                try expect(try await storage.session(record.handle) == nil, "an update re-created a removed session")
            }
        },
        Check("256 insertions at once are all there, and reads continue beside them") { storage in
            try await inParallel(256) { number in
                try await storage.insert(ConformanceSample.record("h\(number)"))
                let stored = try await storage.session(SessionHandle("h\(number)"))
                try expect(stored != nil, "an acknowledged insertion is not read")
            }
            try expect(try await storage.handleTexts(of: "u1").count, is: 256, "sessions")
        },
    ]

    @Sendable private static func changed(_ record: SessionRecord) -> SessionRecord {
        var next = record
        next.expiresAt = next.expiresAt + Milliseconds(1)
        return next
    }

    private static func promote(
        _ storage: any SessionStorage, from expected: StoredTokenHash, to next: String
    ) async throws -> Bool {
        try await storage.update(SessionHandle("h")) { record in
            guard var record, record.currentTokenHash == expected else { return Decision(.keep, false) }
            record.currentTokenHash = StoredTokenHash(stored: next)
            return Decision(.replace(record), true)
        }
    }

    /// All promises about two apps.
    public static let isolationChecks = [
        IsolationCheck("One handle is two sessions in two apps") { one, two in
            let (mine, theirs) = (ConformanceSample.record("h"), ConformanceSample.record("h", user: "u2"))
            try await one.insert(mine)
            try expect(try await two.session(mine.handle) == nil, "a session is seen from another app")
            try await two.insert(theirs)
            try expect(try await one.session(mine.handle) == mine, "another app changed a session")
            try expect(try await two.session(mine.handle) == theirs, "another app's session is seen")
        },
        IsolationCheck("A user's sessions are listed and removed in one app only") { one, two in
            try await one.insert(ConformanceSample.record("a"))
            try await two.insert(ConformanceSample.record("b"))
            try expect(try await one.handleTexts(of: "u1"), is: ["a"], "handles of the first app")
            _ = try await one.remove(.user(UserID("u1"), liveAt: ConformanceSample.start))
            try expect(try await one.remove(.handles([SessionHandle("b")])), is: [], "removed across apps")
            let late = Timestamp(milliseconds: .max)
            try expect(try await one.remove(.expired(at: late, limit: 9)), is: [], "ended sessions of another app")
            try expect(try await two.handleTexts(of: "u1"), is: ["b"], "handles of the second app")
        },
        IsolationCheck("An update of one app does not touch another's session") { one, two in
            let record = ConformanceSample.record("h")
            try await two.insert(record)
            let sawNothing = try await one.update(record.handle) { Decision(.remove, $0 == nil) }
            try expect(sawNothing, "a decision saw another app's session")
            try expect(try await two.session(record.handle) == record, "another app's session was removed")
        },
        IsolationCheck("The ends of one app are not noted for another") { one, two in
            let far = Timestamp(milliseconds: 32_000_000_000_000)
            for (storage, handle) in [(one, "a"), (two, "b")] {
                try await storage.insert(ConformanceSample.record(handle, expiresAt: far))
                _ = try await storage.remove(.handles([SessionHandle(handle)]))
            }
            _ = try await one.trimRevocations(notedBefore: Timestamp(milliseconds: .max), limit: 9)
            try expect(try await one.revocations(after: 0, limit: 9).records, is: [], "noted after all was trimmed")
            let left = try await two.revocations(after: 0, limit: 9).records.map(\.subject)
            try expect(left, is: [.session(SessionHandle("b"))], "noted for the second app")
        },
        IsolationCheck("The events of one app do not wait for the streams of another") { one, two in
            let name = try stream("s")
            for (storage, handle) in [(one, "a"), (two, "b")] {
                try await storage.registerStreams([name])
                try await storage.insert(ConformanceSample.record(handle))
                let revocation = Revocation(by: .user, .handle, at: ConformanceSample.start)
                _ = try await storage.remove(.handles([SessionHandle(handle)]), audit: revocation)
            }
            try expect(try await waiting(one, "s"), is: ["revoked a handle"], "waiting in the first app")
            let numbers = try await two.pendingEvents(of: name, after: 0, limit: 9).map(\.number)
            let outcomes = numbers.map { EventOutcome($0, .delivered) }
            _ = try await one.settleEvents(of: name, outcomes)
            let late = Timestamp(milliseconds: 32_000_000_000_000)
            while try await one.buryEvents(olderThan: late, limit: 9) > 0 {}
            try expect(try await one.reviveEvents(of: name, at: late), is: 0, "revived of the first app")
            _ = try await one.removeStream(name)
            try expect(try await waiting(two, "s"), is: ["revoked b handle"], "waiting in the second app")
            let span = Milliseconds.seconds(100)
            try expect(try await two.leaseStream(name, for: "x", lasting: span), "the second app's stream is gone")
        },
        IsolationCheck("Keys and values are each app's own") { one, two in
            let key = try ConformanceSample.key("d-1")
            _ = try await one.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
            try expect(try await two.updateSigningKeys { _ in .none }, is: [], "keys of the second app")
            let other = try ConformanceSample.key("d-1", bytes: [7])
            _ = try await two.updateSigningKeys { _ in SigningKeyChange(adding: [other]) }
            _ = try await two.updateSigningKeys { _ in SigningKeyChange(removing: [key.id]) }
            try expect(try await one.updateSigningKeys { _ in .none }, is: [key], "keys of the first app")
            _ = try await one.value(named: .refreshTokenKey) { "one" }
            try expect(try await two.value(named: .refreshTokenKey) { "two" }, is: "two", "value of the second app")
            try expect(try await one.value(named: .refreshTokenKey) { "late" }, is: "one", "value of the first app")
        },
    ]
}
