/** Nest's injection token for the `Config` interface: `@Inject(CONFIG) config: Config`. */
export const CONFIG = Symbol('Config');
