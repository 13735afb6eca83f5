import { type RedisClients } from './redis'

export interface TopicSubscription extends Disposable {
  /** Resolves when Redis has confirmed the subscriptions. The client repeats them after a reconnect. */
  subscribe(names: readonly string[]): Promise<unknown>
  unsubscribe(name: string): void
}

/**
 * The part of the shared subscriber connection whose topics start with `prefix`. The names that are passed in and the names
 * that the listener receives are the rest of a topic; a single topic is a prefix with the name ''.
 */
export function openTopics(
  { subscriber }: Pick<RedisClients, 'subscriber'>,
  prefix: string,
  listener: (name: string, message: string) => void,
): TopicSubscription {
  const onMessage = (topic: string, message: string) => {
    if (topic.startsWith(prefix)) listener(topic.slice(prefix.length), message)
  }
  subscriber.on('message', onMessage)
  return {
    subscribe: names => subscriber.subscribe(...names.map(name => prefix + name)),
    unsubscribe: name => void subscriber.unsubscribe(prefix + name).catch(() => undefined),
    [Symbol.dispose]: () => void subscriber.off('message', onMessage),
  }
}
