import SessionEngine
import SessionStorage

extension StorageConformance {
    static let keyChecks = [
        Check("There are no keys at first") { storage in
            try expect(try await storage.updateSigningKeys { _ in .none }, is: [], "keys of an empty storage")
        },
        Check("Added keys round-trip") { storage in
            let every = [UInt8](0...255)
            let keys = try [
                ConformanceSample.key("d-1"), ConformanceSample.key("s-1", kind: .static, bytes: every),
                ConformanceSample.key("d-2", bytes: []),
            ]
            let after = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: keys) }
            try expectKeys(after, keys)
            try expectKeys(try await storage.updateSigningKeys { _ in .none }, keys)
        },
        Check("A decision on keys sees the keys as they are") { storage in
            let (one, two) = (try ConformanceSample.key("d-1"), try ConformanceSample.key("d-2"))
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [one]) }
            let after = try await storage.updateSigningKeys { keys in
                keys == [one] ? SigningKeyChange(adding: [two]) : .none
            }
            try expectKeys(after, [one, two])
        },
        Check("A key whose id is taken is not added and does not stop the others") { storage in
            let (one, two) = (try ConformanceSample.key("d-1"), try ConformanceSample.key("d-2"))
            let impostor = try ConformanceSample.key("d-1", kind: .static, bytes: [9])
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [one]) }
            let after = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [impostor, two]) }
            try expectKeys(after, [one, two])
        },
        Check("A removed key is gone, an unknown one is not missed") { storage in
            let (one, two) = (try ConformanceSample.key("d-1"), try ConformanceSample.key("d-2"))
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [one, two]) }
            let unknown = try ConformanceSample.key("d-9").id
            let after = try await storage.updateSigningKeys { _ in SigningKeyChange(removing: [one.id, unknown]) }
            try expectKeys(after, [two])
        },
        Check("What changes of a key is stored, and a key that is not there is not added") { storage in
            let (one, two) = (try ConformanceSample.key("d-1"), try ConformanceSample.key("d-2"))
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [one]) }
            var changed = one.used(since: ConformanceSample.start)
            changed.verifiesUntil = ConformanceSample.later
            changed.privateKeyDER = [7, 0, 255]
            let change = SigningKeyChange(updating: [changed, two])
            try expectKeys(try await storage.updateSigningKeys { _ in change }, [changed])
            try expectKeys(try await storage.signingKeys(), [changed])
        },
        Check("Of many who add the first key exactly one does") { storage in
            try await inParallel(32) { number in
                let key = try ConformanceSample.key("d-\(number)")
                let after = try await storage.updateSigningKeys { $0.isEmpty ? SigningKeyChange(adding: [key]) : .none }
                try expect(after.count, is: 1, "keys that one of many saw")
            }
            try expect(try await storage.updateSigningKeys { _ in .none }.count, is: 1, "keys in the end")
        },
    ]

    private static func expectKeys(_ keys: [SigningKeyRecord], _ expected: [SigningKeyRecord]) throws {
        func sorted(_ keys: [SigningKeyRecord]) -> [SigningKeyRecord] {
            keys.sorted { $0.id.rawValue < $1.id.rawValue }
        }
        try expect(sorted(keys) == sorted(expected), "keys are \(keys) instead of \(expected)")
    }

    static let valueChecks = [
        Check("A value that is read is not made, and one is replaced only if it is what was expected") { storage in
            try expect(try await storage.storedValue(.refreshTokenKey), is: nil, "a value that was never stored")
            func replace(_ old: String, by new: String) async throws -> Bool {
                try await storage.replaceValue(named: .refreshTokenKey, old, by: new, audit: nil)
            }
            try expect(try await replace("", by: "x"), is: false, "whether a value that is not there is replaced")
            _ = try await storage.value(named: .refreshTokenKey) { "first" }
            try expect(try await replace("other", by: "x"), is: false, "whether another value is replaced")
            try expect(try await replace("first", by: "second"), is: true, "whether the value is replaced")
            try expect(try await storage.storedValue(.refreshTokenKey), is: "second", "the value")
        },
        Check("The first value under a name is kept and every caller gets it") { storage in
            let first = try await storage.value(named: .refreshTokenKey) { "first" }
            let second = try await storage.value(named: .refreshTokenKey) { "second" }
            try expect([first, second], is: ["first", "first"], "values")
        },
        Check("Of many who store a value one wins and all get the winner's") { storage in
            let values = try await inParallel(32) { number in
                try await storage.value(named: .refreshTokenKey) { "value \(number)" }
            }
            try expect(Set(values).count, is: 1, "number of different values")
            let stored = try await storage.value(named: .refreshTokenKey) { "late" }
            try expect(stored, is: values.first ?? "", "the value that was kept")
        },
        Check("A long value and an empty one are kept") { storage in
            let long = String(repeating: "é\u{2028}'\"", count: 5_000)
            try expect(try await storage.value(named: .refreshTokenKey) { long }, is: long, "a long value")
            try expect(try await storage.value(named: .refreshTokenKey) { "" }, is: long, "a long value, again")
        },
    ]

    /// Runs something many times at once and gives the results in no order.
    @discardableResult
    static func inParallel<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { group in
            for number in 0..<count { group.addTask { try await body(number) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
