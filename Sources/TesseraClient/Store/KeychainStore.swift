#if canImport(Security) && canImport(Darwin)
    import Foundation
    import Security
    import Synchronization

    /// A session in the Keychain: one item, readable after the first unlock, on this device only.
    ///
    /// Not run by the project's tests, which have no Apple system (docs/client.md).
    public struct KeychainStore: SessionStore {
        private let service: String
        private let accessGroup: String?
        private let lockFolder: String?
        private let steps = Mutex(())

        /// Uses one item.
        ///
        /// - Parameters:
        ///   - service: names the item, such as the bundle identifier.
        ///   - accessGroup: the group of an app and its extensions, if they share the session.
        ///   - lockFolder: a folder of the app group, where they wait for each other's refreshes.
        public init(service: String, accessGroup: String? = nil, lockFolder: String? = nil) {
            (self.service, self.accessGroup, self.lockFolder) = (service, accessGroup, lockFolder)
        }

        public func read() async throws(StoreError) -> StoredSession {
            try steps.withLock { _ throws(StoreError) in try item() }
        }

        public func update(
            _ change: @Sendable (StoredSession) -> StoredSession?
        ) async throws(StoreError) -> StoredSession {
            try steps.withLock { _ throws(StoreError) in
                let kept = try item()
                guard var next = change(kept) else { return kept }
                next.revision = kept.revision &+ 1
                try keep(next.bytes)
                return next
            }
        }

        public func tryRefreshLock() throws(StoreError) -> (any RefreshLock)? {
            guard let lockFolder else { return NoLock() }
            return try FileLock.taken(lockFolder + "/tessera-refresh.lock")
        }

        private var query: [CFString: Any] {
            var query: [CFString: Any] = [
                kSecClass: kSecClassGenericPassword, kSecAttrService: service, kSecAttrAccount: "tessera.session",
                kSecUseDataProtectionKeychain: true, kSecAttrSynchronizable: false,
            ]
            if let accessGroup { query[kSecAttrAccessGroup] = accessGroup }
            return query
        }

        private func item() throws(StoreError) -> StoredSession {
            var query = query
            query[kSecReturnData] = true
            query[kSecMatchLimit] = kSecMatchLimitOne
            var found: CFTypeRef?
            switch SecItemCopyMatching(query as CFDictionary, &found) {
            case errSecSuccess:
                guard let data = found as? Data else { throw StoreError("the Keychain item of the session is no data") }
                return try StoredSession(bytes: [UInt8](data))
            case errSecItemNotFound: return StoredSession()
            // Locked since the start of the device: unknown, and not signed out.
            case let status: throw Self.failure(status)
            }
        }

        private func keep(_ bytes: [UInt8]) throws(StoreError) {
            let values: [CFString: Any] = [
                kSecValueData: Data(bytes), kSecAttrAccessible: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
            ]
            let status = SecItemUpdate(query as CFDictionary, values as CFDictionary)
            if status == errSecSuccess { return }
            guard status == errSecItemNotFound else { throw Self.failure(status) }
            let added = SecItemAdd(query.merging(values) { $1 } as CFDictionary, nil)
            guard added == errSecSuccess else { throw Self.failure(added) }
        }

        private static func failure(_ status: OSStatus) -> StoreError {
            let text = SecCopyErrorMessageString(status, nil) as String? ?? "unknown"
            return StoreError("the Keychain answers \(status): \(text)")
        }

        /// Where no other process shares the item.
        private struct NoLock: RefreshLock { func release() {} }
    }

    /// Tokens that supertokens-ios left in UserDefaults.
    public enum SuperTokensMigration {
        /// Moves them into a store, once, and erases them; a store that has a session is left as it is.
        ///
        /// - Parameters:
        ///   - suite: the suite that was given to SuperTokens, if one was.
        ///   - store: where the session is kept from now on.
        ///   - clock: the client's clocks.
        /// - Returns: whether a session was moved.
        /// - Throws: ``StoreError``; then nothing is erased.
        public static func run(
            suite: String? = nil, into store: some SessionStore, clock: ClientClock = .system
        ) async throws(StoreError) -> Bool {
            guard let defaults = suite.map({ UserDefaults(suiteName: $0) }) ?? .standard else { return false }
            let names = [
                "st-storage-item-st-access-token", "st-storage-item-st-refresh-token", "supertokens-ios-fronttoken-key",
            ]
            let values = names.map { defaults.string(forKey: $0) }
            guard let access = values[0], let refresh = values[1], let front = values[2] else { return false }
            let tokens = StoredTokens(
                refresh: Secret(refresh), access: Secret(access), front: front, lifetime: 0, arrivedWall: clock.wall(),
                arrivedSteady: clock.steady(), boot: clock.boot)
            let kept = try await store.update { kept in
                guard kept.tokens == nil, kept.account == 0 else { return nil }
                var next = kept
                (next.account, next.tokens, next.reason) = (1, tokens, .none)
                return next
            }
            for name in names + ["supertokens-ios-anticsrf-key"] { defaults.removeObject(forKey: name) }
            return kept.tokens == tokens
        }
    }
#endif
