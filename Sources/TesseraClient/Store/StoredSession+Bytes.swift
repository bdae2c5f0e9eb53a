import Foundations
import LosslessJSON

extension StoredSession {
    /// The record as a store of an application's own keeps it: JSON with secrets in it.
    public var bytes: [UInt8] {
        var object: JSONObject = [
            "v": 1, "account": .integer(account), "revision": .integer(revision), "reason": .string(reason.rawValue),
            "pending": .array(
                pendingSignOuts.map { item in
                    var object: JSONObject = [
                        "refresh": .string(item.refresh.text), "access": .string(item.access.text),
                        "since": .integer(item.since),
                    ]
                    if let key = item.key { object["key"] = key.json }
                    return .object(object)
                }),
        ]
        if let tokens { object["tokens"] = .object(tokens.object) }
        return object.serialized()
    }

    /// Reads a record.
    ///
    /// - Throws: ``StoreError`` for bytes that are none: what they say is unknown, and not "signed out".
    public init(bytes: [UInt8]) throws(StoreError) {
        guard let object = try? JSONValue(parsing: bytes).object, object["v"]?.number?.int64 == 1,
            let account = object["account"]?.number?.int64, let revision = object["revision"]?.number?.int64
        else { throw StoreError("the stored session is no record of this version; remove it and sign in again") }
        self.init()
        (self.account, self.revision) = (account, revision)
        reason = object["reason"]?.string.flatMap(SignOutReason.init) ?? .none
        if let found = object["tokens"] {
            guard let tokens = found.object.flatMap(StoredTokens.init) else {
                throw StoreError("the tokens of the stored session cannot be read; remove it and sign in again")
            }
            self.tokens = tokens
        }
        pendingSignOuts = (object["pending"]?.array ?? []).compactMap { item in
            guard let refresh = item.object?["refresh"]?.string, let access = item.object?["access"]?.string,
                let since = item.object?["since"]?.number?.int64
            else { return nil }
            return PendingSignOut(
                refresh: Secret(refresh), access: Secret(access), since: since,
                key: item.object?["key"].map(KeptKey.init(json:)))
        }
    }
}

extension StoredTokens {
    fileprivate var object: JSONObject {
        var object: JSONObject = [
            "refresh": .string(refresh.text), "access": .string(access.text), "front": .string(front),
            "lifetime": .integer(lifetime), "wall": .integer(arrivedWall), "steady": .integer(arrivedSteady),
            "boot": .string(boot), "background": .bool(isFromBackground),
        ]
        if let key { object["key"] = key.json }
        return object
    }

    fileprivate init?(_ object: JSONObject) {
        guard let refresh = object["refresh"]?.string, let access = object["access"]?.string,
            let front = object["front"]?.string, let lifetime = object["lifetime"]?.number?.int64,
            let wall = object["wall"]?.number?.int64, let steady = object["steady"]?.number?.int64,
            let boot = object["boot"]?.string
        else { return nil }
        self.init(
            refresh: Secret(refresh), access: Secret(access), front: front, lifetime: lifetime, arrivedWall: wall,
            arrivedSteady: steady, boot: boot, isFromBackground: object["background"]?.bool ?? false,
            key: object["key"].map(KeptKey.init(json:)))
    }
}

extension KeptKey {
    fileprivate var json: JSONValue {
        .object(["kind": .string(kind), "bytes": .string(Base64.url.encodedText(bytes))])
    }

    /// What cannot be read is a key that is lost, and no missing one.
    fileprivate init(json: JSONValue) {
        kind = json.object?["kind"]?.string ?? ""
        bytes = json.object?["bytes"]?.string.flatMap { Base64.url.decode(Array($0.utf8)) } ?? []
    }
}
