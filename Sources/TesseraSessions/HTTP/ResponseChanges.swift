public import HTTPTypes
import Synchronization

/// What a session changes about a response, collected while a request is handled and applied to whatever leaves: the
/// handler's response or the one made from its error (docs/specification/cases.md M1 and M4).
///
/// A later change of one field or cookie takes the earlier one's place, so that no field is sent twice.
public final class ResponseChanges: Sendable {
    private struct State {
        var fields: [(name: HTTPField.Name, value: String)] = []
        var cookies: [SetCookie] = []
        var exposed: [HTTPField.Name] = []
        var isPrivate = false
        var formSecret: [UInt8]?
        var proof: [UInt8]?
    }

    private let state = Mutex(State())

    /// Begins with no change.
    public init() {}

    /// Sets a field; an empty value is sent as an empty value (docs/specification/cases.md M2).
    ///
    /// - Parameters:
    ///   - name: the field's name.
    ///   - value: its value.
    ///   - isExposed: whether scripts of other origins may read it.
    package func set(_ name: HTTPField.Name, to value: String, isExposed: Bool = true) {
        state.withLock { state in
            state.fields.removeAll { $0.name == name }
            state.fields.append((name, value))
            if isExposed && !state.exposed.contains(name) { state.exposed.append(name) }
        }
    }

    /// Takes back what was set before.
    package func remove(_ name: HTTPField.Name) {
        state.withLock { state in
            state.fields.removeAll { $0.name == name }
            state.exposed.removeAll { $0 == name }
        }
    }

    /// Sets a cookie in the place of an earlier one of the same name, domain and path.
    package func set(_ cookie: SetCookie) {
        state.withLock { state in
            if let index = state.cookies.firstIndex(where: cookie.replaces) {
                state.cookies[index] = cookie
            } else {
                state.cookies.append(cookie)
            }
        }
    }

    /// Keeps caches from storing a response that is for one browser only.
    func forbidStoring() {
        state.withLock { $0.isPrivate = true }
    }

    /// The secret of forms that this response gives the browser, if it does.
    var formSecret: [UInt8]? {
        get { state.withLock(\.formSecret) }
        set { state.withLock { $0.formSecret = newValue } }
    }

    /// The proof of the client's key that the request was accepted with.
    var proof: [UInt8]? {
        get { state.withLock(\.proof) }
        set { state.withLock { $0.proof = newValue } }
    }

    /// Whether there is nothing to apply.
    public var isEmpty: Bool { state.withLock { $0.fields.isEmpty && $0.cookies.isEmpty && !$0.isPrivate } }

    /// Changes a response's fields; whatever carries tokens may not be kept by any cache
    /// (docs/specification/security.md C06).
    public func apply(to fields: inout HTTPFields) {
        let state = state.withLock { $0 }
        for (name, value) in state.fields { fields[name] = value }
        for cookie in state.cookies { fields.append(HTTPField(name: .setCookie, value: cookie.fieldValue)) }
        if !state.exposed.isEmpty { fields.expose(state.exposed) }
        if !state.fields.isEmpty || !state.cookies.isEmpty || state.isPrivate { fields[.cacheControl] = "no-store" }
    }
}

extension HTTPFields {
    /// Adds names to `Access-Control-Expose-Headers`, each once, compared as whole names in any case.
    mutating func expose(_ names: [HTTPField.Name]) {
        let present = self[values: .exposedHeaders].flatMap { $0.split(separator: ",") }
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
        let added = names.map(\.canonicalName).filter { !present.contains($0) }
        guard !added.isEmpty else { return }
        let before = self[values: .exposedHeaders].joined(separator: ", ")
        self[.exposedHeaders] = ([before].filter { !$0.isEmpty } + added).joined(separator: ", ")
    }
}
