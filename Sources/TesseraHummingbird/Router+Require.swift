public import Hummingbird
import SessionEngine
public import TesseraSessions

extension RouterMethods where Context: TesseraRequestContext {
    /// A group of routes that ask for a session: `router.require(.session).get("me") { ... }`.
    ///
    /// Without a session a request is answered with 401, and with one that does not fulfil the requirements with 403.
    ///
    /// - Parameters:
    ///   - requirement: what the session must fulfil beside what every session must; `.session` is nothing more.
    ///   - others: more of them.
    ///   - options: what else is asked of the request.
    public func require(
        _ requirement: SessionRequirement, _ others: SessionRequirement..., options: VerifyOptions = VerifyOptions()
    ) -> RouterGroup<Context> {
        group().add(middleware: RequireSession(options.adding([requirement] + others)))
    }
}

extension VerifyOptions {
    /// These options with requirements more.
    func adding(_ added: [SessionRequirement]) -> VerifyOptions {
        var options = self
        let (own, added) = (requirements, added.filter { !$0.isNothing })
        guard !added.isEmpty else { return self }
        options.requirements = { global, session in (await own?(global, session) ?? global) + added }
        return options
    }
}
